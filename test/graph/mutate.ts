import { z } from 'zod';
import type { GraphBench } from './graph-bench.ts';

const result = z.looseObject({ __typename: z.string() });

/** Runs an action on tasks; answers with whatever member of its union came. `more`: what else to ask of the errors. */
export async function mutate(
  graph: GraphBench,
  name: string,
  input: Record<string, unknown>,
  payload: string,
  { as, more = '' }: { as?: Parameters<GraphBench['run']>[2]; more?: string } = {},
) {
  const noun = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const document = `mutation ($input: ${noun}Input!) {
    result: ${name}(input: $input) {
      __typename ... on ${noun}Payload ${payload} ... on Error { message code }
      ... on InvalidInputError { fields { path message } } ${more}
    }
  }`;
  return result.parse((await graph.data(document, { input }, as)).result);
}
