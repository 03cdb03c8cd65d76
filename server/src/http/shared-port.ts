/**
 * Which of several listeners on one port gets new connections: the newest alone.
 *
 * Linux spreads them over all listeners of the port, and those that wait at one that closes are reset. A program of one
 * instruction on the group (socket(7), SO_ATTACH_REUSEPORT_CBPF) names the place of the one that gets them all, so that the
 * others run dry before they close. Elsewhere, or where that is not to be had, they stay spread
 * (`docs/decisions/0029-renewal-without-a-reset.md`).
 */
import { dlopen, ptr } from "bun:ffi";
import { findOwnListeners } from "./port-holder.ts";

const SOL_SOCKET = 1;
const SO_ATTACH_REUSEPORT_CBPF = 51;
/** BPF_RET | BPF_K: the program's answer is its constant. */
const RETURN_CONSTANT = 0x06;
const LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

export class SharedPort {
  readonly #port: number;
  /** In the kernel's order: the last one takes the place of one that goes. */
  readonly #group: object[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** From now on new connections are this one's. */
  add(listener: object): void {
    this.#group.push(listener);
    this.#steer(listener);
  }

  /** @param current gets new connections. To be called right after the listener closed */
  remove(listener: object, current: object): void {
    const place = this.#group.indexOf(listener);
    const last = this.#group.pop();
    if (last !== undefined && last !== listener) this.#group[place] = last;
    this.#steer(current);
  }

  #steer(current: object): void {
    if (process.platform !== "linux" || this.#group.length < 2) return;
    const setOption = findSetOption();
    if (!setOption) return;
    const filter = Buffer.alloc(8);
    filter.writeUInt16LE(RETURN_CONSTANT, 0);
    filter.writeUInt32LE(this.#group.indexOf(current), 4);
    const program = Buffer.alloc(16);
    program.writeUInt16LE(1, 0);
    program.writeBigUInt64LE(BigInt(ptr(filter)), 8);
    for (const file of findOwnListeners(this.#port)) setOption(file, program);
  }
}

type SetOption = (file: number, program: Buffer) => void;
let found: SetOption | undefined;

function findSetOption(): SetOption | undefined {
  for (const library of found ? [] : LIBRARIES) {
    try {
      const { symbols } = dlopen(library, {
        setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
      });
      found = (file, program) =>
        symbols.setsockopt(file, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, ptr(program), program.length);
      break;
    } catch {
      // Another C library: the next name.
    }
  }
  return found;
}
