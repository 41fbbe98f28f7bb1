/** What a user may do. Everybody signed in reads; OPERATOR acts on machines; ADMINISTRATOR also on sites and users. */
export const roles = ['ADMINISTRATOR', 'OPERATOR', 'VIEWER', 'WORKER'] as const;
export type Role = (typeof roles)[number];

/** The signed-in user of a request. */
export interface Viewer {
  userId: string;
  username: string;
  sessionId: string;
  roles: readonly Role[];
}
