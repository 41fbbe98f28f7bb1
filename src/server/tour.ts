/** One tab of GraphiQL. Its title is the name of its first operation. */
export interface TourTab {
  document: string;
  variables: Record<string, unknown>;
}

/** The tabs that GraphiQL opens with: the product's main job, from signing in to a machine that was failed over. */
export const tour: readonly TourTab[] = [
  {
    document: `# 1. Sign in. The terminal that started drgraph told the
# password of "admin" at its first start. Put it into the
# variables below and press the play button. The browser
# keeps the session in a cookie, so the other tabs need
# nothing more. Programs use the token: Authorization:
# Bearer <token>.
mutation SignIn($username: String!, $password: String!) {
  signIn(input: { local: { username: $username, password: $password } }) {
    __typename
    ... on SignInPayload {
      token
      session { expiresAt }
    }
    ... on Error { message code }
  }
}

# Ends the session, here and for every program that uses its
# token.
mutation SignOut {
  signOut { __typename }
}
`,
    variables: { username: 'admin', password: '' },
  },
  {
    document: `# 2. Look around: the sites and the machines on them. Copy
# two ids for the next tab: that of a virtual machine, and
# that of the site to protect it at.
query Look {
  sites {
    nodes {
      id
      name
      provider { name kind status }
      virtualMachines {
        nodes { id name powerState disks { key sizeBytes } }
      }
    }
  }
}

# What is protected already, and what can be done to it
# right now.
query Replications {
  replications {
    nodes {
      id
      virtualMachine { name }
      overallHealth
      availableActions
      instances(first: 5) { nodes { id key createdAt transferBytes } }
    }
  }
}
`,
    variables: {},
  },
  {
    document: `# 3. Protect a machine: copy it to another site and keep
# recovery points there. Put the two ids of the tab before
# into the variables. The answer comes at once, with the
# task that does the work.
mutation Protect($virtualMachineId: ID!, $siteId: ID!) {
  startReplication(
    input: {
      source: { virtualMachine: { id: $virtualMachineId } }
      destination: { site: { id: $siteId } }
      settings: { rpoMinutes: 60, dataConnectionType: ENCRYPTED_COMPRESSED }
    }
  ) {
    __typename
    ... on StartReplicationPayload {
      task { id state }
      replication { id }
    }
    ... on Error { message code }
  }
}

# Later: change something on the source's disk, then make
# another recovery point of it.
mutation Sync($replicationId: ID!) {
  syncReplication(input: { replicationId: $replicationId }) {
    __typename
    ... on SyncReplicationPayload { task { id state } }
    ... on Error { message code }
  }
}
`,
    variables: { virtualMachineId: '', siteId: '', replicationId: '' },
  },
  {
    document: `# 4. Watch a task: put its id into the variables. It ends by
# itself when the task has ended.
subscription Watch($taskId: ID!) {
  taskProgress(id: $taskId) {
    cursor
    at
    task { state phase progress bytesDone bytesTotal error { code message } }
  }
}

# Everything that happens to any task, until you press stop.
# Start again with the last cursor you saw, and nothing is
# missed.
subscription WatchAll($after: String) {
  taskEvents(after: $after) {
    cursor
    type
    at
    task { id kind state }
  }
}
`,
    variables: { taskId: '' },
  },
  {
    document: `# 5. Fail over. First try it: a test makes a machine at the
# other site and disturbs nothing. Without instanceId the
# newest recovery point is used.
mutation TestFailover($replicationId: ID!, $instanceId: ID) {
  testFailover(input: { replicationId: $replicationId, instanceId: $instanceId }) {
    __typename
    ... on TestFailoverPayload { task { id state } }
    ... on Error { message code }
  }
}

# Removes what the test made.
mutation CleanUp($replicationId: ID!) {
  cleanUpTestFailover(input: { replicationId: $replicationId }) {
    __typename
    ... on CleanUpTestFailoverPayload { task { id state } }
    ... on Error { message code }
  }
}

# The real one: the machine lies in vms/<vmName>/ of the
# site's folder afterwards.
mutation FailOver($replicationId: ID!) {
  failoverReplication(input: { replicationId: $replicationId }) {
    __typename
    ... on FailoverReplicationPayload { task { id state } }
    ... on Error { message code }
  }
}

# The machine that a failover made is in its task's result.
query Result($taskId: ID!) {
  task(id: $taskId) {
    state
    result {
      ... on FailoverResult { virtualMachine { id name } }
    }
  }
}
`,
    variables: { replicationId: '', taskId: '' },
  },
];
