/** Alone because each dialog that may take the viewer's own rights says the loss alike. */
import { type OwnLoss, UNKNOWN_LOSS } from "../form/own-name.tsx";
import { type Lost, sayRights } from "./self.ts";

/** @param lost undefined: the server has not said */
export function ownLossOf(lost: Lost | undefined): OwnLoss {
  if (lost === undefined) return UNKNOWN_LOSS;
  const words = lost.isAll
    ? "You can't sign in any more, and your keys are refused, as soon as this is done."
    : `You lose ${sayRights(lost)} as soon as this is done, and have to sign in again.`;
  return { title: "This is you", words: `${words} Only somebody else can give it back.` };
}
