import { join } from 'node:path';

/** What a person is told when the service is ready. */
export interface WelcomeFacts {
  version: string;
  /** Without a path. */
  url: string;
  administrator: { username: string; generatedPassword: string | null } | null;
  madeSample: boolean;
  dataDir: string;
}

/** The few lines on the terminal: where GraphiQL is, who to sign in as, and what to try first. */
export function welcome({ version, url, administrator, madeSample, dataDir }: WelcomeFacts): string {
  const lines = [`drgraph ${version} is ready.`, '', `  GraphiQL   ${url}/graphql`];
  if (administrator === null) {
    lines.push('  Sign in    as before. A password is lost? npx drgraph user set-password <name>');
  } else if (administrator.generatedPassword === null) {
    lines.push(`  Sign in    user ${administrator.username}, with the password in DRGRAPH_ADMIN_PASSWORD`);
  } else {
    lines.push(`  Sign in    user ${administrator.username}, password ${administrator.generatedPassword}`);
    lines.push('             (made for you, shown only this once: keep it)');
  }
  lines.push("  Try first  GraphiQL's tabs from left to right: sign in, look, protect, watch, fail over");
  if (madeSample) {
    lines.push(`  Sample     the machine web-01 at the site "primary"; its disk is`);
    lines.push(`             ${join(dataDir, 'sites', 'primary', 'vms', 'web-01', 'disk.raw')}`);
  }
  lines.push('  Stop       Ctrl-C. Tasks under way go on at the next start.');
  return `\n${lines.join('\n')}\n\n`;
}
