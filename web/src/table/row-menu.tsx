/**
 * The menu at the end of a row. A screen has fifty and opens one: until its first press a row carries a bare button, and
 * Mantine's menu comes with that press. The button stays the same element, so it keeps the focus and gets it back.
 */
import { Menu } from "@mantine/core";
import { IconDotsVertical } from "@tabler/icons-react";
import {
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  type RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";

interface RowMenuProps {
  readonly label: string;
  readonly width: number;
  /** The items; rendered with the first press. */
  readonly children: ReactNode;
}

const DOTS = <IconDotsVertical size={19} stroke={1.7} aria-hidden />;

export function RowMenu({ label, width, children }: RowMenuProps) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const [isWanted, setWanted] = useState(false);
  const [isOpen, setOpen] = useState(false);
  // Mounted closed and opened after: only a change to open remembers where the focus was.
  useEffect(() => setOpen(isWanted), [isWanted]);
  const press = (): void => (isWanted ? setOpen(!isOpen) : setWanted(true));
  const openByArrow = (event: KeyboardEvent): void => {
    if (event.key !== "ArrowDown" || isOpen) return;
    event.preventDefault();
    press();
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        id={id}
        className="row-menu mantine-active"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? `${id}-dropdown` : undefined}
        data-expanded={isOpen || undefined}
        onClick={press}
        onKeyDown={openByArrow}
      >
        {DOTS}
      </button>
      {isWanted && (
        <Menu id={id} width={width} opened={isOpen} onChange={setOpen}>
          <Menu.Target>
            <Anchor to={button} />
          </Menu.Target>
          <Menu.Dropdown>{children}</Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

interface AnchorProps {
  readonly to: RefObject<HTMLElement | null>;
  readonly ref?: Ref<HTMLElement>;
}

/** Hands the menu a target that stands outside of it. */
function Anchor({ to, ref }: AnchorProps) {
  useLayoutEffect(() => {
    if (typeof ref === "function") ref(to.current);
    else if (ref) ref.current = to.current;
  }, [ref, to]);
  return null;
}
