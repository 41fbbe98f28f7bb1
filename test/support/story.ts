import { type ApiClient, client } from './client.ts';
import { adminPassword, type Service } from './service.ts';

/** A task as the stories look at it. */
export interface StoryTask {
  id: string;
  state: string;
  progress: number | null;
  error: { code: string; message: string } | null;
  result: { instance?: { id: string; key: string }; virtualMachine?: { id: string; name: string } } | null;
}

const taskFields = `id state progress error { code message }
  result { ... on SyncResult { instance { id key } } ... on FailoverResult { virtualMachine { id name } } }`;

/** Speaks the product's main job in its own words: each step is one request, as a client would send it. */
export interface Story {
  api: ApiClient;
  /** Sends an action that must be accepted; answers with its task's id and the rest of its payload. */
  act<Payload = object>(
    action: string,
    input: Record<string, unknown>,
    extra?: string,
  ): Promise<Payload & { task: { id: string } }>;
  /** Follows a task to its end over the WebSocket; `onEvent` sees each event. @throws when it did not succeed. */
  finish(taskId: string, onEvent?: (task: StoryTask) => void): Promise<StoryTask>;
  sites(): Promise<StorySite[]>;
  site(name: string): Promise<StorySite>;
}

export interface StorySite {
  id: string;
  name: string;
  path: string;
  provider: { id: string };
  virtualMachines: {
    nodes: {
      id: string;
      name: string;
      powerState: string;
      isTest: boolean;
      disks: { file: string; sizeBytes: string }[];
    }[];
  };
}

/** Signs in at a service as its administrator. */
export async function tellStory(service: Service): Promise<Story> {
  const api = client(service.url);
  await api.signIn('admin', adminPassword);
  const story: Story = {
    api,
    async act<Payload>(action: string, input: Record<string, unknown>, extra = '') {
      const name = action.charAt(0).toUpperCase() + action.slice(1);
      const document = `mutation ($input: ${name}Input!) { ${action}(input: $input) {
        __typename ... on ${name}Payload { task { id } ${extra} } ... on Error { message code } } }`;
      type Result = Payload & { __typename: string; message?: string; task: { id: string } };
      const { [action]: result } = await api.data<Record<string, Result>>(document, { input });
      if (result?.__typename !== `${name}Payload`) throw new Error(`${action}: ${JSON.stringify(result)}`);
      return result;
    },
    async finish(taskId, onEvent) {
      const document = `subscription ($id: ID!) { taskProgress(id: $id) { cursor type task { ${taskFields} } } }`;
      let last: StoryTask | undefined;
      for await (const { data } of api.subscribe<{ taskProgress: { task: StoryTask } }>(document, { id: taskId })) {
        last = data?.taskProgress.task;
        if (last) onEvent?.(last);
      }
      if (last?.state !== 'SUCCEEDED') throw new Error(`The task ended so: ${JSON.stringify(last)}`);
      return last;
    },
    async sites() {
      const document = `{ sites { nodes { id name path provider { id }
        virtualMachines { nodes { id name powerState isTest disks { file sizeBytes } } } } } }`;
      return (await api.data<{ sites: { nodes: StorySite[] } }>(document)).sites.nodes;
    },
    async site(name) {
      const found = (await story.sites()).find((site) => site.name === name);
      if (found === undefined) throw new Error(`There is no site ${name}.`);
      return found;
    },
  };
  return story;
}
