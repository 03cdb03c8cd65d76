/** By which fields lists may be ordered: apart from the operations, because the screens read it and need no schema for it. */
export const KEY_ORDERS = [
  "id",
  "name",
  "username",
  "status",
  "created_at",
  "expires_at",
  "ends_at",
  "last_used_at",
  "last_used_address",
  "hint",
  "created_by",
  "reset_at",
  "tags",
  "scopes",
] as const;
export const USER_ORDERS = ["id", "username", "full_name", "email", "locked_at", "created_at"] as const;
export const AUDIT_ORDERS = ["at", "event", "action", "username", "address"] as const;
