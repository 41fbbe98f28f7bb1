import {
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type ParseOptions,
  parse,
  type SelectionSetNode,
  type Source,
  visit,
} from 'graphql';

/** What a document may have at most. Everything here is counted before validation, which is where a pathological document costs. */
export interface DocumentLimits {
  /** Characters of the document's text. */
  characters: number;
  tokens: number;
  /** Levels of nested fields, fragments followed; the introspection query of GraphiQL has 15. */
  depth: number;
  aliases: number;
  directives: number;
  /** Objects that the answer may hold, as far as the document tells: see `cost.ts`. */
  cost: number;
}

/** Measured: the worst documents within these limits are refused or answered in 2 to 100 ms on two busy cores. */
export const defaultDocumentLimits: DocumentLimits = {
  characters: 100_000,
  tokens: 2_000,
  depth: 16,
  aliases: 50,
  directives: 50,
  cost: 30_000,
};

/** The error of a document over a limit: which one, what is allowed, and what it has where that is known. */
export function limitError(message: string, limit: string, allowed: number, actual?: number): GraphQLError {
  return new GraphQLError(message, {
    extensions: {
      code: 'LIMIT_EXCEEDED',
      limit,
      allowed,
      ...(actual === undefined ? {} : { actual }),
      http: { spec: true, status: 400 },
    },
  });
}

/** GraphQL's parser within the limits of length and tokens. */
export function limitedParse(
  limits: DocumentLimits,
): (source: string | Source, options?: ParseOptions) => DocumentNode {
  return (source, options) => {
    const { length } = typeof source === 'string' ? source : source.body;
    if (length > limits.characters) {
      const message = `The document has ${length} characters; ${limits.characters} are allowed.`;
      throw limitError(message, 'characters', limits.characters, length);
    }
    try {
      return parse(source, { ...options, maxTokens: limits.tokens });
    } catch (error) {
      if (error instanceof GraphQLError && error.message.includes('tokens')) {
        throw limitError(
          `The document has more than the ${limits.tokens} tokens that are allowed.`,
          'tokens',
          limits.tokens,
        );
      }
      // The parser follows nesting by recursion.
      if (error instanceof RangeError) throw limitError('The document is nested too deeply.', 'depth', limits.depth);
      throw error;
    }
  };
}

/** The first limit on depth, aliases or directives that a document is over; undefined when it is within all. */
export function documentProblem(document: DocumentNode, limits: DocumentLimits): GraphQLError | undefined {
  const aliases = count(document, (node) => node.kind === Kind.FIELD && node.alias !== undefined);
  if (aliases > limits.aliases) {
    const message = `The document has ${aliases} aliases; ${limits.aliases} are allowed.`;
    return limitError(message, 'aliases', limits.aliases, aliases);
  }
  const directives = count(document, (node) => node.kind === Kind.DIRECTIVE);
  if (directives > limits.directives) {
    const message = `The document has ${directives} directives; ${limits.directives} are allowed.`;
    return limitError(message, 'directives', limits.directives, directives);
  }
  const depth = documentDepth(document);
  if (depth > limits.depth) {
    const message = `The document nests fields ${depth} levels deep; ${limits.depth} are allowed.`;
    return limitError(message, 'depth', limits.depth, depth);
  }
  return undefined;
}

function count(document: DocumentNode, isCounted: (node: ASTNode) => boolean): number {
  let found = 0;
  visit(document, {
    enter(node) {
      if (isCounted(node)) found += 1;
    },
  });
  return found;
}

/** How deep fields nest in the deepest definition. A fragment is measured once, however often it is spread. */
function documentDepth(document: DocumentNode): number {
  const fragments = fragmentsOf(document);
  const depths = new Map<string, number>();
  function depthOf(set: SelectionSetNode): number {
    let deepest = 0;
    for (const selection of set.selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD) deepest = Math.max(deepest, fragmentDepth(selection.name.value));
      else if (selection.kind === Kind.INLINE_FRAGMENT) deepest = Math.max(deepest, depthOf(selection.selectionSet));
      else deepest = Math.max(deepest, 1 + (selection.selectionSet ? depthOf(selection.selectionSet) : 0));
    }
    return deepest;
  }
  function fragmentDepth(name: string): number {
    const known = depths.get(name);
    if (known !== undefined) return known;
    // Stands while the fragment is measured: one that contains itself is for validation to refuse.
    depths.set(name, 0);
    const fragment = fragments.get(name);
    const depth = fragment === undefined ? 0 : depthOf(fragment.selectionSet);
    depths.set(name, depth);
    return depth;
  }
  return Math.max(
    0,
    ...document.definitions.map((definition) =>
      'selectionSet' in definition && definition.selectionSet ? depthOf(definition.selectionSet) : 0,
    ),
  );
}

/** A document's fragments by name. */
export function fragmentsOf(document: DocumentNode): Map<string, FragmentDefinitionNode> {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  return fragments;
}
