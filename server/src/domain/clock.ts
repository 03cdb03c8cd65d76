/** Time comes in as a value, so that tests can move it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch, UTC. */
  now(): number;
  /** Monotonic milliseconds, for durations. Unaffected by steps of the wall clock. */
  monotonic(): number;
}
