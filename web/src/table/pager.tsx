import { ActionIcon } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useEffect, useRef } from "react";

interface PagerProps {
  readonly page: number;
  readonly pageSize: number;
  /** undefined: not known, or of another question. */
  readonly total: number | undefined;
  /** @param isCorrection the address names a page that is not there; it is no step of its own */
  readonly onPage: (page: number, isCorrection?: boolean) => void;
  /** Somebody is about to press for this page. Absent while the page before it is not there. */
  readonly onForesee?: (page: number) => void;
  /** What is counted. */
  readonly noun: readonly [one: string, many: string];
}

const COUNT = new Intl.NumberFormat();

/**
 * The rows of a page. One without any, of a list that has some, is past the last one and is left at once: it is not known
 * yet what stands there instead, and that there is nothing would be untrue.
 */
export function rowsOf<Row>(
  list: { readonly entries: readonly Row[]; readonly total: number } | undefined,
): readonly Row[] | undefined {
  return list !== undefined && list.entries.length === 0 && list.total > 0 ? undefined : list?.entries;
}

function lastPageOf(total: number, pageSize: number): number {
  return Math.max(1, Math.ceil(total / pageSize));
}

export function Pager({ page, pageSize, total, onPage, onForesee, noun }: PagerProps) {
  const next = useRef<HTMLButtonElement>(null);
  const known = useRef(0);
  if (total !== undefined) known.current = total;
  const all = known.current;
  const pages = lastPageOf(all, pageSize);
  const foresee = page < pages && onForesee ? () => onForesee(page + 1) : undefined;
  const latest = useRef({ foresee, onPage });
  latest.current = { foresee, onPage };
  const isAble = foresee !== undefined;
  // Somebody who pressed it and stays there is likely to press it again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is what asks again
  useEffect(() => {
    if (isAble && next.current?.matches(":hover, :focus")) latest.current.foresee?.();
  }, [page, isAble]);
  const isPast = total !== undefined && page > pages;
  useEffect(() => {
    if (isPast) latest.current.onPage(pages, true);
  }, [isPast, pages]);
  if (all === 0) return null;
  const shown = Math.min(page, pages);
  const first = (shown - 1) * pageSize + 1;
  const last = Math.min(all, shown * pageSize);
  return (
    <nav className="pager" aria-label="Pages">
      <span className="muted numbers">
        {pages === 1
          ? `${COUNT.format(all)} ${noun[all === 1 ? 0 : 1]}`
          : `${COUNT.format(first)}–${COUNT.format(last)} of ${COUNT.format(all)} ${noun[1]}`}
      </span>
      {pages > 1 && (
        <>
          <ActionIcon
            variant="default"
            aria-label="Previous page"
            disabled={shown <= 1}
            onClick={() => onPage(shown - 1)}
          >
            <IconChevronLeft size={18} />
          </ActionIcon>
          <span className="numbers">
            {COUNT.format(shown)} / {COUNT.format(pages)}
          </span>
          <ActionIcon
            variant="default"
            aria-label="Next page"
            ref={next}
            disabled={shown >= pages}
            onPointerEnter={foresee}
            onFocus={foresee}
            onClick={() => onPage(shown + 1)}
          >
            <IconChevronRight size={18} />
          </ActionIcon>
        </>
      )}
    </nav>
  );
}
