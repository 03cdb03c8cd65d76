/** Alone because every dialog about a user says it alike, where somebody else has deleted them meanwhile. */
export function UserGone() {
  return <p>This user no longer exists. They may have been deleted.</p>;
}
