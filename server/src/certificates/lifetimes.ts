/** Days that the local certificates last. Apart from `issue.ts`, which is loaded only when one is made. */
export const LEAF_DAYS = 90;
export const CA_DAYS = 3652;
