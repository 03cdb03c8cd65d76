/**
 * From a method and a path to the operation of the contract that answers them.
 *
 * A literal path wins over one with parameters, by whatever method: `/keys/self` is not the key whose number is `self`.
 */
import type { Operation } from "@chatelaine/contract/operations/operation";
import { operationList } from "@chatelaine/contract/operations/operations";

const API_BASE = "/api/v1";
const PARAMETER = /^\{(\w+)\}$/;

interface Found {
  readonly operation: Operation;
  /** By name, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** The operations at one path, or at one form of path. */
interface Place {
  /** Segments of the path; those in braces are parameters. */
  readonly segments: readonly string[];
  readonly byMethod: Map<string, Operation>;
}

const PLACES = placesOf(operationList);

export function findOperation(method: string, pathname: string): Found | undefined {
  const segments = segmentsOf(pathname);
  const place = placeOf(segments);
  const operation = place?.byMethod.get(method === "HEAD" ? "GET" : method);
  return place && operation && { operation, params: paramsOf(place, segments) };
}

/** What may be done at an address. */
export function methodsAt(pathname: string): string[] {
  return [...(placeOf(segmentsOf(pathname))?.byMethod.keys() ?? [])];
}

function placesOf(operations: readonly Operation[]) {
  const literal = new Map<string, Place>();
  const open = new Map<number, Place[]>();
  for (const operation of operations) {
    const segments = segmentsOf(API_BASE + operation.path);
    const isOpen = segments.some((segment) => PARAMETER.test(segment));
    const alike = isOpen ? (open.get(segments.length) ?? []) : [];
    const known = isOpen
      ? alike.find((place) => place.segments.join("/") === segments.join("/"))
      : literal.get(segments.join("/"));
    const place: Place = known ?? { segments, byMethod: new Map() };
    place.byMethod.set(operation.method, operation);
    if (known) continue;
    if (isOpen) open.set(segments.length, [...alike, place]);
    else literal.set(segments.join("/"), place);
  }
  return { literal, open };
}

function segmentsOf(pathname: string): string[] {
  return pathname.slice(1).split("/");
}

function placeOf(segments: readonly string[]): Place | undefined {
  const literal = PLACES.literal.get(segments.join("/"));
  if (literal) return literal;
  return PLACES.open
    .get(segments.length)
    ?.find((place) =>
      place.segments.every((wanted, at) =>
        wanted.startsWith("{") ? segments[at] !== "" : wanted === segments[at],
      ),
    );
}

function paramsOf({ segments }: Place, given: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [at, segment] of segments.entries()) {
    const name = PARAMETER.exec(segment)?.[1];
    if (name !== undefined) params[name] = decoded(given[at]!);
  }
  return params;
}

/** What is no escape of UTF-8 stays as it is, for the schema to refuse. */
function decoded(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
