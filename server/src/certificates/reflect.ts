/**
 * What tsyringe, inside the X.509 library, wants to find when it is loaded. A module of our own, because a bundler keeps
 * the order of ES modules but may run a CommonJS one, as reflect-metadata is, after them (`scripts/build.test.ts`).
 */
import "reflect-metadata";
