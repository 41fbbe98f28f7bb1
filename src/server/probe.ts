import type { ServerResponse } from 'node:http';

/** How long the database may take to answer a readiness probe. */
const readinessTimeoutMs = 2_000;

/** GET /healthz: the process lives and its event loop turns. */
export function answerHealth(response: ServerResponse): void {
  answer(response, 200, { status: 'ok' });
}

/** GET /readyz: 200 when requests can be served, else 503 with the reason. */
export async function answerReadiness(
  response: ServerResponse,
  readinessProblem: () => Promise<string | null>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('The database does not answer.'), readinessTimeoutMs);
  });
  const problem = await Promise.race([readinessProblem(), late]);
  clearTimeout(timer);
  if (problem === null) answer(response, 200, { status: 'ready' });
  else answer(response, 503, { status: 'unavailable', problem });
}

function answer(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    .end(JSON.stringify(body));
}
