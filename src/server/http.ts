import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Viewer } from '../domain/viewer.ts';
import type { GraphiqlPage } from './graphiql.ts';
import { type GraphqlServer, maximumBodyBytes } from './graphql.ts';
import { refuse } from './refuse.ts';
import {
  bearerToken,
  clientAddress,
  cookieToken,
  isOwnOrigin,
  type RequestFacts,
  sessionCookieHeader,
} from './request.ts';

/** Answers requests to /graphql: GraphiQL for a browser that navigates there, GraphQL over HTTP and SSE for the rest. */
export type GraphqlEndpoint = (
  request: IncomingMessage,
  response: ServerResponse,
  ids: Pick<RequestFacts, 'requestId' | 'operationId'>,
) => Promise<void>;

/**
 * Builds it. Against forged requests from other sites: a POST must be JSON, which no HTML form can send, a GET never runs
 * mutations, the cookie is SameSite=Strict, and a request with the cookie from a foreign origin is refused besides.
 */
export function createGraphqlEndpoint(options: {
  graphql: GraphqlServer;
  graphiql: GraphiqlPage;
  authenticate(token: string): Promise<Viewer | null>;
  publicUrl: string | undefined;
  log: Logger;
}): GraphqlEndpoint {
  const { graphql, graphiql, authenticate, publicUrl, log } = options;
  const isSecure = publicUrl?.startsWith('https:') ?? false;

  return async (request, response, ids) => {
    const { method, headers } = request;
    if (method === 'GET' && headers.accept?.includes('text/html')) return graphiql.answer(request, response);
    if (method !== 'GET' && method !== 'POST') {
      response.setHeader('allow', 'GET, POST');
      return refuse(response, 405, 'METHOD_NOT_ALLOWED', 'GraphQL is spoken by GET (queries only) and POST.');
    }
    if (method === 'POST' && headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
      return refuse(
        response,
        415,
        'UNSUPPORTED_MEDIA_TYPE',
        'Send the operation as a JSON body, with Content-Type: application/json.',
      );
    }
    if ((headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity') {
      const message = 'Send the body as it is, without Content-Encoding: nothing is unpacked here.';
      return refuse(response, 415, 'UNSUPPORTED_MEDIA_TYPE', message);
    }
    if (method === 'POST') headers['content-type'] = 'application/json'; // Yoga knows it in lower case only.
    if (Number(headers['content-length']) > maximumBodyBytes) {
      // The rest of the body is not waited for.
      response.setHeader('connection', 'close');
      return refuse(
        response,
        413,
        'BODY_TOO_LARGE',
        `The body has more than the ${maximumBodyBytes} bytes that are allowed.`,
      );
    }
    const cookie = cookieToken(request);
    if (cookie !== null && headers.authorization === undefined && !isOwnOrigin(request, publicUrl)) {
      return refuse(response, 403, 'FORBIDDEN', "Another site's page may not use this session's cookie.");
    }
    const token = headers.authorization === undefined ? cookie : bearerToken(headers.authorization);
    let viewer: Viewer | null;
    try {
      viewer = token === null ? null : await authenticate(token);
    } catch (error) {
      log.error({ ...ids, err: error }, 'could not look up the session');
      return refuse(
        response,
        503,
        'UNAVAILABLE',
        'The database does not answer at the moment. Nothing was done; try again.',
      );
    }
    response.setHeader('cache-control', 'no-store');
    const facts: RequestFacts = {
      ...ids,
      address: clientAddress(request, publicUrl),
      userAgent: headers['user-agent'] ?? null,
      viewer,
      transport: 'http',
      signal: goneSignal(response),
      setSessionCookie(newToken, expiresAt) {
        response.appendHeader('set-cookie', sessionCookieHeader(newToken, expiresAt, isSecure));
      },
    };
    await graphql(request, response, { facts });
  };
}

/** Aborted when the connection breaks before the response is complete. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}
