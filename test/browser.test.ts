import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminPassword, type Service, startService } from './support/service.ts';

// The story as an analyst does it: GraphiQL in a real browser, by mouse and keyboard, on a service that has just been started.

const candidates = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];
const executablePath = candidates.find((path) => path !== '' && existsSync(path));
const skipReason =
  executablePath === undefined ? ' (skipped: no Chromium on this machine; install one or set CHROMIUM)' : '';

// Background services of the browser are off: this page must need nothing but drgraph.
const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];
const launchArguments = [...quiet, '--disable-component-update', '--disable-sync', '--no-sandbox'];

const tab = { signIn: 0, look: 1, protect: 2, watch: 3, failOver: 4 };

type Payload = Record<string, { __typename: string; task: { id: string }; replication: { id: string } }>;

let service: Service;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

describe.skipIf(executablePath === undefined)(`GraphiQL in a browser${skipReason}`, () => {
  beforeAll(async () => {
    service = await startService();
    browser = await chromium.launch({ executablePath, args: launchArguments });
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('request', (request) => {
      const isOurs = [service.url, 'blob:', 'data:'].some((start) => request.url().startsWith(start));
      if (!isOurs) complaints.push(`a request left the machine: ${request.url()}`);
    });
    await page.goto(`${service.url}/graphql`);
    await page.getByTitle('SignIn', { exact: true }).waitFor();
  });

  afterAll(async () => {
    await browser?.close();
    await service?.stop();
  });

  test('its tabs lead from signing in to a machine that was failed over', async () => {
    await openTab(tab.signIn);
    await setVariables({ username: 'admin', password: adminPassword });
    expect(await run('SignIn')).toMatchObject({ signIn: { __typename: 'SignInPayload' } });

    await openTab(tab.look);
    const { sites } = await run<{
      sites: { nodes: { id: string; name: string; virtualMachines: { nodes: { id: string }[] } }[] };
    }>('Look');
    const primary = sites.nodes.find(({ name }) => name === 'primary');
    const recovery = sites.nodes.find(({ name }) => name === 'recovery');

    await openTab(tab.protect);
    await setVariables({ virtualMachineId: primary?.virtualMachines.nodes[0]?.id, siteId: recovery?.id });
    const { startReplication } = await run('Protect');
    expect(startReplication?.__typename).toBe('StartReplicationPayload');
    await watch(startReplication?.task.id);

    await openTab(tab.failOver);
    const replicationId = startReplication?.replication.id;
    await setVariables({ replicationId });
    const { failoverReplication } = await run('FailOver');
    expect(failoverReplication?.__typename).toBe('FailoverReplicationPayload');
    await watch(failoverReplication?.task.id);

    await openTab(tab.failOver);
    await setVariables({ replicationId, taskId: failoverReplication?.task.id });
    expect(await run('Result')).toMatchObject({
      task: { state: 'SUCCEEDED', result: { virtualMachine: { name: 'web-01' } } },
    });

    const pictures = join(tmpdir(), `drgraph-pictures-${userInfo().username}`);
    await mkdir(pictures, { recursive: true });
    await page.screenshot({ path: join(pictures, 'graphiql.png') });
    expect(complaints).toEqual([]);
  });
});

/** By place: GraphiQL names a tab after the operation that was run in it last. */
async function openTab(place: number): Promise<void> {
  // By the keyboard: the tabs can be dragged, and a scripted press of the mouse may land beside the tab that it lifts.
  await page.locator(`#graphiql-session-tab-${place}`).press('Enter');
  await page.locator(`[role=tab][aria-selected=true] #graphiql-session-tab-${place}`).waitFor();
}

/** Types into the variables' editor, over what is there. */
async function setVariables(variables: Record<string, unknown>): Promise<void> {
  await page.locator('.graphiql-editor-tool .monaco-editor').first().click();
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(JSON.stringify(variables));
}

/** Presses the play button and picks the operation; answers with what the service sent to the page. */
async function run<Data = Payload>(operation: string): Promise<Data> {
  const answered = page.waitForResponse(
    (response) =>
      response.request().method() === 'POST' &&
      (response.request().postData() ?? '').includes(`"operationName":"${operation}"`),
  );
  await play(operation);
  const { data }: { data: Data } = await (await answered).json();
  return data;
}

async function play(operation: string): Promise<void> {
  await page.getByRole('button', { name: /Execute query/ }).click();
  await page.getByRole('menuitem', { name: operation, exact: true }).click();
}

/** Follows a task in the Watch tab until the page itself shows that it succeeded. */
async function watch(taskId: string | undefined): Promise<void> {
  await openTab(tab.watch);
  await setVariables({ taskId });
  await play('Watch');
  await page.locator('.result-window').getByText('SUCCEEDED').waitFor({ timeout: 30_000 });
}
