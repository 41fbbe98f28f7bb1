import type { ServerResponse } from 'node:http';

/** Answers a request that GraphQL never sees, in the form that GraphQL clients understand. */
export function refuse(response: ServerResponse, status: number, code: string, message: string): void {
  const requestId = response.getHeader('x-request-id');
  const body = JSON.stringify({ errors: [{ message, extensions: { code, requestId } }] });
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    .end(body);
}
