import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Viewer } from '../domain/viewer.ts';
import { createGraphiqlPage } from './graphiql.ts';
import { createGraphqlServer } from './graphql.ts';
import { createGraphqlEndpoint } from './http.ts';
import { type DocumentLimits, defaultDocumentLimits } from './limit.ts';
import { answerHealth, answerReadiness } from './probe.ts';
import { refuse } from './refuse.ts';
import { type RequestFacts, requestIds } from './request.ts';
import { createSessionWatch } from './session-watch.ts';
import { createGraphqlSockets, defaultSocketLimits, type SocketLimits } from './websocket.ts';

/** What the server is made of. It knows the schema and the sessions only through these functions. */
export interface ServerOptions {
  schema: GraphQLSchema;
  /** The context of one operation. */
  contextFor(facts: RequestFacts): object;
  authenticate(token: string): Promise<Viewer | null>;
  liveSessions(sessionIds: readonly string[]): Promise<Set<string>>;
  /** What keeps the service from answering; null when nothing does. */
  readinessProblem(): Promise<string | null>;
  host: string;
  /** 0: any free port. */
  port: number;
  /** Where clients reach the service, if that is not host and port. https makes the session's cookie Secure. */
  publicUrl: string | undefined;
  log: Logger;
  documentLimits?: Partial<DocumentLimits>;
  socketLimits?: Partial<SocketLimits>;
}

/** The listening server. */
export interface ApiServer {
  /** Where this process listens, without a path: for example http://127.0.0.1:4000. */
  url: string;
  /** Takes no more requests, finishes those under way within the time, and closes sockets with 1001. Can be called again. */
  close(graceMs?: number): Promise<void>;
}

/** Starts to listen. @throws the system's error (EADDRINUSE, EACCES, …) when it cannot. */
export async function startServer(options: ServerOptions): Promise<ApiServer> {
  const { authenticate, publicUrl, log } = options;
  const sessions = createSessionWatch({ liveSessions: options.liveSessions, log });
  const graphql = createGraphqlServer({
    schema: options.schema,
    contextFor: options.contextFor,
    limits: { ...defaultDocumentLimits, ...options.documentLimits },
    sessions,
    log,
  });
  const graphiql = createGraphiqlPage();
  const endpoint = createGraphqlEndpoint({ graphql, graphiql, authenticate, publicUrl, log });
  const sockets = createGraphqlSockets({
    graphql,
    authenticate,
    publicUrl,
    limits: { ...defaultSocketLimits, ...options.socketLimits },
    log,
  });
  const active = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ids = requestIds(request);
    const startedAt = performance.now();
    const path = request.url?.split('?', 1)[0] ?? '/';
    active.add(response);
    response.once('close', () => {
      active.delete(response);
      if (closing !== undefined) http.closeIdleConnections();
      const line = {
        ...ids,
        method: request.method,
        path,
        status: response.statusCode,
        durationMs: Math.round(performance.now() - startedAt),
      };
      if (response.statusCode >= 400) log.info(line, 'request refused');
      else log.debug(line, 'request');
    });
    response.setHeader('x-request-id', ids.requestId);
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('referrer-policy', 'no-referrer');
    if (closing !== undefined) response.setHeader('connection', 'close');
    if (path === '/graphql') return endpoint(request, response, ids);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(response, 404, 'NOT_FOUND', `There is nothing at ${path.slice(0, 200)}.`);
    if (path === '/healthz') return answerHealth(response);
    if (path === '/readyz')
      return answerReadiness(
        response,
        closing === undefined ? options.readinessProblem : async () => 'The service is stopping.',
      );
    if (path === '/') return void response.writeHead(302, { location: '/graphql' }).end();
    refuse(
      response,
      404,
      'NOT_FOUND',
      `There is nothing at ${path.slice(0, 200)}. The API and GraphiQL are at /graphql.`,
    );
  }

  const http = createHttpServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000, connectionsCheckingInterval: 5_000 },
    (request, response) => {
      route(request, response).catch((error: unknown) => {
        log.error({ err: error }, 'a request could not be answered');
        if (response.headersSent) response.destroy();
        else refuse(response, 500, 'INTERNAL', "Something unexpected went wrong; the service's log says what.");
      });
    },
  );
  http.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port, options.host, () => {
      http.off('error', reject);
      resolve();
    });
  });
  http.on('error', (error) => log.error({ err: error }, 'the server failed'));

  async function close(graceMs: number): Promise<void> {
    const ended = new Promise<void>((resolve) => http.close(() => resolve()));
    // A stream is cut rather than completed: its reader knows then that there is more, and comes back with its last cursor.
    for (const response of active) {
      if (String(response.getHeader('content-type')).startsWith('text/event-stream')) response.destroy();
    }
    const late = setTimeout(() => http.closeAllConnections(), graceMs);
    await Promise.all([sockets.close(Math.min(graceMs, 1_000)), ended]);
    clearTimeout(late);
    sessions.close();
  }

  return {
    url: urlOf(options.host, http.address()),
    close(graceMs = 3_000) {
      closing ??= close(graceMs);
      return closing;
    },
  };
}

function urlOf(host: string, address: AddressInfo | string | null): string {
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
