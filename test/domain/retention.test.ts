import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { instancesToDelete } from '../../src/domain/retention.ts';

const start = Date.UTC(2026, 0, 1);
/** Instances at these minutes; a `!` pins. */
const at = (...minutes: (number | `${number}!`)[]) =>
  minutes.map((minute) => ({
    id: String(minute),
    createdAt: new Date(start + Number.parseInt(String(minute), 10) * 60_000),
    isPinned: String(minute).endsWith('!'),
  }));
const rule = (numberOfInstances: number, distanceMinutes: number) => ({ numberOfInstances, distanceMinutes });

describe('retention', () => {
  test.each([
    ['without rules only the newest stays', at(0, 5, 10), [], ['0', '5']],
    ['without rules a pinned one stays too', at(0, '5!', 10), [], ['0']],
    ['a rule of one keeps the newest', at(0, 5, 10), [rule(1, 60)], ['0', '5']],
    ['distance 0 keeps the newest by number', at(0, 5, 10, 15), [rule(2, 0)], ['0', '5']],
    ['fewer than the number are all kept', at(0, 60), [rule(5, 60)], []],
    ['a rest stays while the newest moves away from it', at(0, 5), [rule(3, 60)], []],
    ['what lies between rests goes', at(0, 5, 10), [rule(3, 60)], ['5']],
    ['exactly the distance apart is a rest', at(0, 60, 65), [rule(3, 60)], []],
    ['a minute less is none', at(0, 59, 65), [rule(3, 60)], ['59']],
    ['the oldest rest goes when the number is reached', at(0, 60, 120, 180), [rule(3, 60)], ['0']],
    ['the newest counts even when it is no rest', at(0, 60, 120, 125), [rule(3, 60)], ['0']],
    ['rules add up', at(0, 60, 120, 170, 175, 180), [rule(2, 0), rule(3, 60)], ['0', '170']],
    ['a pinned one is kept beside the number', at('0!', 60, 120, 180), [rule(2, 60)], ['60']],
    ['the order given does not matter', at(10, 0, 5), [], ['0', '5']],
    ['nothing is deleted of nothing', at(), [rule(2, 0)], []],
  ])('%s', (_, instances, rules, expected) => {
    expect(instancesToDelete(instances, rules).map((instance) => instance.id)).toEqual(expected);
  });

  test('with a sync every 5 minutes for a day, 3 instances an hour apart come to be and stay', () => {
    let kept = at(0);
    for (let minute = 5; minute <= 24 * 60; minute += 5) {
      kept = [...kept, ...at(minute)];
      const outdated = new Set(instancesToDelete(kept, [rule(4, 60)]));
      kept = kept.filter((instance) => !outdated.has(instance));
    }
    expect(kept.map((instance) => instance.id)).toEqual(['1260', '1320', '1380', '1440']);
  });

  test('whatever the rules, the newest and the pinned stay and no rule keeps more than its number', () => {
    const instances = fc.uniqueArray(fc.tuple(fc.nat(10_000), fc.boolean()), {
      selector: ([minute]) => minute,
      minLength: 1,
    });
    const rules = fc.array(fc.tuple(fc.integer({ min: 1, max: 10 }), fc.nat(600)), { maxLength: 3 });
    fc.assert(
      fc.property(instances, rules, (times, limits) => {
        const all = times.map(([minute, isPinned]) => ({
          ...at(minute)[0],
          id: `${minute}`,
          createdAt: new Date(minute * 60_000),
          isPinned,
        }));
        const gone = new Set(
          instancesToDelete(
            all,
            limits.map(([number, distance]) => rule(number, distance)),
          ),
        );
        const kept = all.filter((instance) => !gone.has(instance));
        const newest = all.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime())[0];
        expect(kept).toContain(newest);
        expect([...gone].some((instance) => instance.isPinned)).toBe(false);
        const most = limits.reduce((sum, [number]) => sum + number, 1);
        expect(kept.filter((instance) => !instance.isPinned).length).toBeLessThanOrEqual(most);
      }),
    );
  });
});
