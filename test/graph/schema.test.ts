import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildASTSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  parse,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { buildSchema } from '../../src/graph/schema.ts';
import { printSubgraph } from '../../src/graph/sdl.ts';

const schema = buildSchema();
const types = Object.values(schema.getTypeMap()).filter(
  (type) => !type.name.startsWith('_') && !isSpecifiedScalarType(type),
);

/** Everything of the schema that has a name, with its description. */
function* elements(
  type: GraphQLNamedType,
): Generator<{ place: string; name: string; description: string | null | undefined }> {
  yield { place: type.name, name: type.name, description: type.description };
  if (isEnumType(type)) {
    for (const value of type.getValues())
      yield { place: `${type.name}.${value.name}`, name: value.name, description: value.description };
  }
  if (isInputObjectType(type) || isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      if (field.name.startsWith('_')) continue;
      yield { place: `${type.name}.${field.name}`, name: field.name, description: field.description };
      for (const arg of 'args' in field ? field.args : []) {
        yield { place: `${type.name}.${field.name}(${arg.name})`, name: arg.name, description: arg.description };
      }
    }
  }
}

const words = (text: string) => text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
const nameWords = (name: string) => words(name.replace(/([a-z0-9])([A-Z])/g, '$1 $2'));

/** What a description says beside the name of its element and the words that hold a sentence together. */
function news(name: string, description: string): string[] {
  const empty = new Set([
    ...nameWords(name).flatMap((word) => [word, `${word}s`]),
    'the',
    'a',
    'an',
    'of',
    'its',
    'is',
    'this',
    'that',
    'type',
    'field',
    'value',
  ]);
  return words(description).filter((word) => !empty.has(word));
}

test('every type, field, argument, input field and enum value says more than its name', () => {
  const all = types.filter((type) => !type.name.startsWith('__')).flatMap((type) => [...elements(type)]);
  expect(all.length).toBeGreaterThan(700);
  const silent = all.filter(({ name, description }) => !description || news(name, description).length < 2);
  expect(silent.map(({ place, description }) => `${place}: ${description ?? 'no description'}`)).toEqual([]);
});

test('schema.graphql is what the program prints: run npm run schema', () => {
  const file = readFileSync(join(import.meta.dirname, '..', '..', 'schema.graphql'), 'utf8');
  expect(file === printSubgraph(schema), 'schema.graphql is stale').toBe(true);
});

test('the printed schema is valid and keeps @oneOf', () => {
  const printed = buildASTSchema(parse(printSubgraph(schema)), { assumeValidSDL: true });
  for (const name of ['SignInInput', 'ReplicationSourceInput', 'ReplicationDestinationInput']) {
    const type = printed.getType(name);
    expect(isInputObjectType(type) && type.isOneOf, name).toBe(true);
  }
});

describe('the conventions of the graph', () => {
  const query = schema.getQueryType()?.getFields() ?? {};
  const mutation = schema.getMutationType()?.getFields() ?? {};

  test('the root fields have the names that clients are written against', () => {
    const reads =
      'node nodes viewer about health providers provider sites site organizations organization virtualMachines virtualMachine replications replication instance tasks task taskKinds waitForTask _service _entities';
    expect(Object.keys(query).sort()).toEqual(reads.split(' ').sort());
    const actions =
      'signIn signOut startReplication stopReplication syncReplication failoverReplication testFailover cleanUpTestFailover syncInventory registerSite removeSite cancelTasks deleteTasks updateTask retryTask';
    expect(Object.keys(mutation).sort()).toEqual(actions.split(' ').sort());
    expect(Object.keys(schema.getSubscriptionType()?.getFields() ?? {}).sort()).toEqual(['taskEvents', 'taskProgress']);
  });

  test.each(Object.values(mutation).map((field) => [field.name, field] as const))(
    '%s takes one input and answers a union of its payload and errors',
    (name, field) => {
      const noun = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      if (name !== 'signOut')
        expect(field.args.map((arg) => `${arg.name}: ${arg.type}`)).toEqual([`input: ${noun}Input!`]);
      expect(String(field.type)).toBe(`${noun}Result!`);
      const union = schema.getType(`${noun}Result`);
      if (!isUnionType(union)) throw new Error(`${noun}Result is no union`);
      const [payload, ...errors] = union
        .getTypes()
        .toSorted((a, b) => Number(b.name.endsWith('Payload')) - Number(a.name.endsWith('Payload')));
      expect(payload?.name).toBe(`${noun}Payload`);
      for (const error of errors) expect(error.getInterfaces().map(String)).toContain('Error');
    },
  );

  test('actions that become a task can be repeated, timed and tried out', () => {
    for (const name of [
      'StartReplication',
      'SyncReplication',
      'StopReplication',
      'TestFailover',
      'CleanUpTestFailover',
      'FailoverReplication',
      'SyncInventory',
      'RetryTask',
    ]) {
      const input = schema.getType(`${name}Input`);
      if (!isInputObjectType(input)) throw new Error(`${name}Input is missing`);
      const options = ['clientToken', 'notBefore', 'startBefore', 'priority', 'validateOnly'];
      expect(Object.keys(input.getFields())).toEqual(expect.arrayContaining(options));
    }
  });

  test('every list is a connection with nodes, a total, a filter and an order', () => {
    const objects = types.filter((type) => isObjectType(type));
    const fields = objects.flatMap((type) =>
      Object.values(type.getFields()).filter((field) => /Connection!?$/.test(String(field.type))),
    );
    expect(fields.length).toBeGreaterThan(20);
    for (const field of fields) {
      expect(field.args.map(({ name }) => name).sort(), field.name).toEqual([
        'after',
        'before',
        'filter',
        'first',
        'last',
        'orderBy',
      ]);
    }
    for (const type of objects.filter(({ name }) => name.endsWith('Connection'))) {
      expect(Object.keys(type.getFields()).sort()).toEqual(['edges', 'nodes', 'pageInfo', 'totalCount']);
    }
  });

  test('tasks, replications and recovery points have all their fields', () => {
    const names = (type: string) => {
      const found = schema.getType(type);
      return isObjectType(found) ? Object.keys(found.getFields()) : [];
    };
    const task =
      'provider site nativeId operationId kind nativeType state progress phase bytesDone bytesTotal objectsDone objectsTotal transferRate initiatedBy resource relatedResources parent children window priority isCancellable createdAt startedAt updatedAt finishedAt duration completeReason error warnings result worker attempts';
    expect(names('Task')).toEqual(expect.arrayContaining(task.split(' ')));
    const replication =
      'source destination settings isPaused isMigration isReversed sourceState destinationState dataConnectionState overallHealth syncProgress rpo latestInstance instances virtualHardware tasks availableActions problems recoveredMachines removedAt';
    expect(names('Replication')).toEqual(expect.arrayContaining(replication.split(' ')));
    const settings =
      'description rpoMinutes dataConnectionType quiesced retentionRules targetDiskType initialSyncAt excludedDiskKeys';
    expect(names('ReplicationSettings')).toEqual(expect.arrayContaining(settings.split(' ')));
    const instance =
      'key sequenceNumber createdAt isPinned transferBytes transferSeconds quiescedType disks verifiedAt';
    expect(names('Instance')).toEqual(expect.arrayContaining(instance.split(' ')));
  });
});
