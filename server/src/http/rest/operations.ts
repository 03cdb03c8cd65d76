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
const isOpen = ({ segments }: Place): boolean => segments.some((segment) => PARAMETER.test(segment));
const LITERAL = new Map([...PLACES].filter(([, place]) => !isOpen(place)));
const OPEN = [...PLACES.values()].filter(isOpen);

export function findOperation(method: string, pathname: string): Found | undefined {
  const place = placeOf(pathname);
  const operation = place?.byMethod.get(method === "HEAD" ? "GET" : method);
  return place && operation && { operation, params: paramsOf(place, pathname.split("/")) };
}

/** What may be done at an address. */
export function methodsAt(pathname: string): string[] {
  return [...(placeOf(pathname)?.byMethod.keys() ?? [])];
}

/** By their paths, as the contract writes them. */
function placesOf(operations: readonly Operation[]): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const operation of operations) {
    const path = API_BASE + operation.path;
    const place = places.get(path) ?? { segments: path.split("/"), byMethod: new Map() };
    place.byMethod.set(operation.method, operation);
    places.set(path, place);
  }
  return places;
}

function placeOf(pathname: string): Place | undefined {
  const literal = LITERAL.get(pathname);
  if (literal) return literal;
  const given = pathname.split("/");
  return OPEN.find(
    ({ segments }) =>
      segments.length === given.length &&
      segments.every((wanted, at) => (wanted.startsWith("{") ? given[at] !== "" : wanted === given[at])),
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
