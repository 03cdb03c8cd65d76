declare module "*/docs.css" {
  const text: string;
  export default text;
}
declare module "*/reference.css" {
  const text: string;
  export default text;
}
declare module "*/top.css" {
  const text: string;
  export default text;
}
declare module "*.browser.js" {
  const text: string;
  export default text;
}
declare module "*/tokens.css" {
  const text: string;
  export default text;
}
declare module "*.md" {
  const text: string;
  export default text;
}
declare module "*.txt" {
  const text: string;
  export default text;
}
