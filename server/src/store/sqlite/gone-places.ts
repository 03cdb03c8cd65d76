/** Where the main thread says which requests nobody waits for any more. Alone because the worker must not import its opener. */

/** A thread is asked fewer things at once; of two that share a place the later one counts. */
export const GONE_PLACES = 64;

/** In the memory that both share, of which the first place says that the thread is to end. */
export function goneAt(id: number): number {
  return 1 + (id % GONE_PLACES);
}
