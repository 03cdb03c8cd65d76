/**
 * Words that must not stand in the project: paths of one machine, hosts of one network, names that say nothing,
 * work left lying about.
 */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

interface WordRule {
  readonly pattern: RegExp;
  readonly why: string;
  /** Which files the rule is for; all text where absent. */
  readonly files?: RegExp;
  /** The same by their paths from the root. */
  readonly paths?: RegExp;
}

/** Written in the field's English by now, and kept so. The list only grows. */
const PLAIN =
  /^(server\/src\/(accounts|backup|certificates|domain|http|keys|restore|sign-in|truenas|verify)\/|(cli|client|contract|proxy-recipes)\/src\/|README\.md$)/;

const CODE = /\.tsx?$/;
const RULES: readonly WordRule[] = [
  { pattern: /(?<![\w.:/-])\/(work|Users|home\/[a-z][\w-]*)\/[\w.]/, why: "a path of one machine" },
  { pattern: /\bregistry\.[a-z]+\.[a-z]{2,}\b/, why: "a registry's host" },
  { pattern: /\b(TO[D]O|FIX[M]E|X[X]X)\b/, why: "work left lying about", files: /\.(tsx?|sh)$/ },
  {
    pattern: /\b(class|interface|type)\s+\w+(Service|Manager|Helper|Utils?|Impl|Base)\b/,
    why: "a name that says nothing",
    files: CODE,
  },
  { pattern: /\binterface I[A-Z][a-z]/, why: "an interface with an I- before its name", files: CODE },
  { pattern: /\b(whoever|anew|asker|brought)\b/i, why: "not the field's English", paths: PLAIN },
  { pattern: /\b(he|him|his|himself)\b/, why: "a user is they", paths: PLAIN },
];
const EMPTY_NAMES = /^(utils?|common|shared|types|helpers?|index)(\.tsx?)?$/;
const BINARY = /\.(png|ico|woff2?|db|jpg)$/;

/** @returns one line for each finding. Looks at what git tracks or would add. */
export async function findForbiddenWords(root: string): Promise<string[]> {
  const files = await listFiles(root);
  return files.flatMap((file) => [...checkName(file), ...checkText(root, file)]);
}

async function listFiles(root: string): Promise<string[]> {
  const run = Bun.spawn(["git", "ls-files", "-co", "--exclude-standard"], { cwd: root, stderr: "inherit" });
  const text = await new Response(run.stdout).text();
  return text.split("\n").filter((file) => file !== "" && !BINARY.test(file) && file !== "bun.lock");
}

function checkName(file: string): string[] {
  const parts = file.split("/");
  return parts.some((part) => EMPTY_NAMES.test(part))
    ? [`${file}: a file or folder whose name says nothing`]
    : [];
}

function checkText(root: string, file: string): string[] {
  let lines: string[];
  try {
    lines = readFileSync(join(root, file), "utf8").split("\n");
  } catch {
    // Listed by git, but deleted or a link to nowhere.
    return [];
  }
  return lines.flatMap((line, index) =>
    RULES.filter((rule) => isFor(rule, file) && rule.pattern.test(line)).map(
      (rule) => `${file}:${index + 1}: ${rule.why}: ${line.trim().slice(0, 80)}`,
    ),
  );
}

function isFor({ files, paths }: WordRule, file: string): boolean {
  return (files?.test(basename(file)) ?? true) && (paths?.test(file) ?? true);
}
