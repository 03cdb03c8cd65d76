import { Drawer, Modal } from "@mantine/core";
import { type ReactNode, useRef } from "react";
import { PanelNotices } from "../notices/notice-place.tsx";
import { UpgradeNotice } from "../notices/upgrade-notice.tsx";
import { useStage } from "./stages.ts";

interface DialogProps {
  readonly title: string;
  readonly size: number | string;
  readonly onClose: () => void;
  readonly zIndex?: number;
  /** Whether a press beside it closes it, as Esc does. */
  readonly closesOutside?: boolean;
  /** It asks something itself, before somebody leaves: nothing else is asked in it. */
  readonly isQuestion?: boolean;
  readonly children: ReactNode;
}

/** A dialog in the middle: for what is asked, and for what is shown once. */
export function Dialog(props: DialogProps) {
  const { title, size, onClose, zIndex, closesOutside = true, isQuestion = false, children } = props;
  const inside = useRef<HTMLDivElement>(null);
  const isUppermost = useStage(() => inside.current?.closest<HTMLElement>("[role=dialog]") ?? null);
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      zIndex={zIndex}
      withCloseButton={false}
      closeOnEscape={isUppermost}
      closeOnClickOutside={closesOutside}
      returnFocus={false}
    >
      <div ref={inside}>
        {isUppermost && !isQuestion && <UpgradeNotice />}
        {children}
      </div>
    </Modal>
  );
}

interface PanelProps {
  readonly title: ReactNode;
  readonly size: number;
  readonly onClose: () => void;
  /** Of the cross. */
  readonly closeLabel: "Close panel" | "Close details";
  /** Something in it, such as a calendar, takes Esc for itself. */
  readonly keepsEscape?: boolean;
  readonly children: ReactNode;
}

/** A panel from the right, beside what it belongs to. What is done from details is told at their foot. */
export function Panel({ title, size, onClose, closeLabel, keepsEscape = false, children }: PanelProps) {
  const inside = useRef<HTMLDivElement>(null);
  const isUppermost = useStage(() => inside.current?.closest<HTMLElement>("[role=dialog]") ?? null);
  return (
    <Drawer
      opened
      onClose={onClose}
      title={title}
      size={size}
      closeOnEscape={isUppermost && !keepsEscape}
      closeButtonProps={{ "aria-label": closeLabel }}
      returnFocus={false}
    >
      <div ref={inside} className="panel-inside">
        {isUppermost && <UpgradeNotice />}
        {children}
        {closeLabel === "Close details" && <PanelNotices />}
      </div>
    </Drawer>
  );
}
