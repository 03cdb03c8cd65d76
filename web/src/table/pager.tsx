import { ActionIcon } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useEffect, useRef } from "react";

interface PagerProps {
  readonly page: number;
  readonly pageSize: number;
  readonly total: number;
  readonly onPage: (page: number) => void;
  /** Somebody is about to press for this page. Absent while the page before it is not there. */
  readonly onForesee?: (page: number) => void;
  /** What is counted. */
  readonly noun: readonly [one: string, many: string];
}

const COUNT = new Intl.NumberFormat();

export function Pager({ page, pageSize, total, onPage, onForesee, noun }: PagerProps) {
  const next = useRef<HTMLButtonElement>(null);
  const pages = Math.max(1, Math.ceil(total / pageSize));
  const foresee = page < pages && onForesee ? () => onForesee(page + 1) : undefined;
  const latest = useRef(foresee);
  latest.current = foresee;
  const isAble = foresee !== undefined;
  // Whoever pressed it and stays there is likely to press it again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page is what asks anew
  useEffect(() => {
    if (isAble && next.current?.matches(":hover, :focus")) latest.current?.();
  }, [page, isAble]);
  if (total === 0) return null;
  const first = (page - 1) * pageSize + 1;
  const last = Math.min(total, page * pageSize);
  return (
    <nav className="pager" aria-label="Pages">
      <span className="muted numbers">
        {total <= pageSize && page === 1
          ? `${COUNT.format(total)} ${noun[total === 1 ? 0 : 1]}`
          : `${COUNT.format(first)}–${COUNT.format(last)} of ${COUNT.format(total)} ${noun[1]}`}
      </span>
      {(pages > 1 || page > 1) && (
        <>
          <ActionIcon
            variant="default"
            aria-label="Previous page"
            disabled={page <= 1}
            onClick={() => onPage(Math.min(page - 1, pages))}
          >
            <IconChevronLeft size={18} />
          </ActionIcon>
          <span className="numbers">
            {COUNT.format(page)} / {COUNT.format(pages)}
          </span>
          <ActionIcon
            variant="default"
            aria-label="Next page"
            ref={next}
            disabled={page >= pages}
            onPointerEnter={foresee}
            onFocus={foresee}
            onClick={() => onPage(page + 1)}
          >
            <IconChevronRight size={18} />
          </ActionIcon>
        </>
      )}
    </nav>
  );
}
