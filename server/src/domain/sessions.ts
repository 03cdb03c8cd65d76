/** In the feed, in the place of a session's id: all sessions of sockets and all tokens, in every process. */
export const ALL_SESSIONS = "*";
