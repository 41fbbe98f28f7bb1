import {
  type ArgumentNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  getOperationAST,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from 'graphql';
import { fragmentsOf } from './limit.ts';

/** The page size of a connection that is asked for without `first` or `last`. */
const defaultPageSize = 50;
/** What a list that is no connection (the disks of a machine, say) is reckoned to hold. */
const listSize = 10;
/** The schema's own description: each object in it stands for about this many. */
const introspectionSize = 100;

/**
 * How many objects the answer to an operation may hold: an object costs 1, a connection its page size times what is selected in it,
 * a plain list ten times, `nodes(ids:)` and `_entities` once an id. Scalars are free. The document need not be valid;
 * what the schema does not have costs nothing, because validation refuses it.
 */
export function operationCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>>,
): number {
  const operation = getOperationAST(document, operationName);
  const root = operation && schema.getRootType(operation.operation);
  if (!root) return 0;
  return new CostReckoner(schema, fragmentsOf(document), withDefaults(operation, variables)).selectionCost(
    root,
    operation.selectionSet,
  );
}

function withDefaults(
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Map<string, number | undefined> {
  const sizes = new Map<string, number | undefined>();
  for (const { variable, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const given = variables[name];
    if (given !== undefined) sizes.set(name, sizeOf(given));
    else if (defaultValue?.kind === Kind.INT) sizes.set(name, Number(defaultValue.value));
    else if (defaultValue?.kind === Kind.LIST) sizes.set(name, defaultValue.values.length);
  }
  return sizes;
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return Array.isArray(value) ? value.length : undefined;
}

class CostReckoner {
  readonly #schema: GraphQLSchema;
  readonly #fragments: Map<string, FragmentDefinitionNode>;
  readonly #variableSizes: Map<string, number | undefined>;
  /** A fragment costs the same wherever it is spread; measured once, so fragments within fragments cannot multiply the work. */
  readonly #fragmentCosts = new Map<string, number>();

  constructor(
    schema: GraphQLSchema,
    fragments: Map<string, FragmentDefinitionNode>,
    variableSizes: Map<string, number | undefined>,
  ) {
    this.#schema = schema;
    this.#fragments = fragments;
    this.#variableSizes = variableSizes;
  }

  selectionCost(parent: GraphQLNamedType | undefined, set: SelectionSetNode): number {
    let cost = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) cost += this.#fragmentCost(selection.name.value);
      else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const { typeCondition } = selection;
        const type = typeCondition === undefined ? parent : this.#schema.getType(typeCondition.name.value);
        cost += this.selectionCost(type, selection.selectionSet);
      } else cost += this.#fieldCost(parent, selection);
    }
    return cost;
  }

  #fragmentCost(name: string): number {
    const known = this.#fragmentCosts.get(name);
    if (known !== undefined) return known;
    this.#fragmentCosts.set(name, 0);
    const fragment = this.#fragments.get(name);
    if (fragment === undefined) return 0;
    const type = this.#schema.getType(fragment.typeCondition.name.value);
    const cost = this.selectionCost(type, fragment.selectionSet);
    this.#fragmentCosts.set(name, cost);
    return cost;
  }

  #fieldCost(parent: GraphQLNamedType | undefined, node: FieldNode): number {
    if (node.selectionSet === undefined || parent === undefined) return 0;
    const field = this.#fieldOf(parent, node.name.value);
    if (field === undefined) return 0;
    const type = getNamedType(field.type);
    if (!isCompositeType(type)) return 0;
    const inner = this.selectionCost(type, node.selectionSet);
    if (parent.name.startsWith('__')) return 1 + inner;
    if (type.name.startsWith('__')) return 1 + introspectionSize * inner;
    // A connection stands for its page: what is selected in it counts once an item, its `nodes` and `edges` not
    // again, and `pageInfo` is one for all.
    if (type.name.endsWith('Connection')) return 1 + this.#pageSize(node) * inner;
    const isList = isListType(getNullableType(field.type));
    if (parent.name.endsWith('Connection')) return isList ? 1 + inner : 0;
    if (!isList) return 1 + inner;
    return (this.#argumentSize(node, 'ids') ?? this.#argumentSize(node, 'representations') ?? listSize) * (1 + inner);
  }

  #fieldOf(parent: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
    if (name === '__schema') return SchemaMetaFieldDef;
    if (name === '__type') return TypeMetaFieldDef;
    return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
  }

  #pageSize(node: FieldNode): number {
    return this.#argumentSize(node, 'first') ?? this.#argumentSize(node, 'last') ?? defaultPageSize;
  }

  /** The number that an argument gives, or the length of its list; undefined when it is not given. */
  #argumentSize(node: FieldNode, name: string): number | undefined {
    const value = node.arguments?.find((argument: ArgumentNode) => argument.name.value === name)?.value;
    if (value === undefined) return undefined;
    if (value.kind === Kind.INT) return Math.max(0, Number(value.value));
    if (value.kind === Kind.LIST) return value.values.length;
    return value.kind === Kind.VARIABLE ? this.#variableSizes.get(value.name.value) : undefined;
  }
}
