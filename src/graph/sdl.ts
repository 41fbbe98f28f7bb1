import { printSubgraphSchema } from '@apollo/subgraph';
import { type GraphQLSchema, isInputObjectType, Kind, parse, print, visit } from 'graphql';

/**
 * The schema as a federation gateway reads it. Apollo's printer drops `@oneOf`, so it is put back, with its definition, because
 * Apollo's composition refuses a directive that it does not know (2.14).
 */
export function printSubgraph(schema: GraphQLSchema): string {
  const document = visit(parse(`${printSubgraphSchema(schema)}\ndirective @oneOf on INPUT_OBJECT\n`), {
    InputObjectTypeDefinition(node) {
      const type = schema.getType(node.name.value);
      if (!isInputObjectType(type) || !type.isOneOf) return undefined;
      const oneOf = { kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: 'oneOf' } } as const;
      return { ...node, directives: [...(node.directives ?? []), oneOf] };
    },
  });
  return `${print(document)}\n`;
}
