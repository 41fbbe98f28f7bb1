import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { tour } from './tour.ts';

/** GraphiQL as one HTML page that loads nothing from anywhere. */
export interface GraphiqlPage {
  answer(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

interface RenderedPage {
  etag: string;
  plain: Buffer;
  zipped: Buffer;
  headers: Record<string, string>;
}

const compress = promisify(gzip);

/** The page is 9 MB with its editor, so it is loaded, rendered and compressed when somebody first asks for it. */
export function createGraphiqlPage(): GraphiqlPage {
  let rendered: Promise<RenderedPage> | undefined;
  return {
    async answer(request, response) {
      rendered ??= renderPage();
      const { etag, plain, zipped, headers } = await rendered;
      response.setHeaders(new Map(Object.entries(headers)));
      if (request.headers['if-none-match'] === etag) return void response.writeHead(304).end();
      if (/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
        response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': zipped.length }).end(zipped);
      } else response.writeHead(200, { 'content-length': plain.length }).end(plain);
    },
  };
}

async function renderPage(): Promise<RenderedPage> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  // Subscriptions over the WebSocket, which the browser's session cookie authenticates.
  const page = renderGraphiQL({
    title: 'drgraph',
    defaultTabs: tour.map(({ document, variables }) => ({
      query: document,
      variables: JSON.stringify(variables, null, 2),
    })),
    subscriptionsProtocol: 'WS',
    credentials: 'same-origin',
    shouldPersistHeaders: false,
  });
  const html = page.replace('<script>', () => `<script>${firstVariables()}</script>\n<script>`);
  const plain = Buffer.from(html);
  const etag = `"${createHash('sha256').update(plain).digest('base64url')}"`;
  return {
    etag,
    plain,
    zipped: await compress(plain),
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'content-security-policy': contentSecurityPolicy(html),
      vary: 'accept, accept-encoding',
      etag,
    },
  };
}

/** GraphiQL shows the variables of every tab that it opens with, except the first one's: those it takes from what it kept. */
function firstVariables(): string {
  const text = JSON.stringify(variablesText(tour[0]?.variables ?? {}));
  return `if (!localStorage.getItem('graphiql:tabState')) localStorage.setItem('graphiql:variables', ${text});`;
}

function variablesText(variables: Record<string, unknown>): string {
  return JSON.stringify(variables, null, 2);
}

/** Allows the page's own scripts by their hashes and talks to this service alone; the editor makes styles and workers itself. */
function contentSecurityPolicy(html: string): string {
  const scripts = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, text]) =>
      `'sha256-${createHash('sha256')
        .update(text ?? '')
        .digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    `script-src ${scripts.join(' ')} blob:`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
