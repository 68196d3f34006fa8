import test from 'ava'
import { parseSettings, type SettingDeclarations } from '../settings.ts'

const declared = {
  transport: { type: 'choice', choices: ['netlink', 'tool'], default: 'netlink', description: '' },
  variant: { type: 'choice', choices: ['legacy', 'nft'], description: '' },
  comments: { type: 'flag', default: true, description: '' },
  bit: { type: 'integer', min: 0, max: 31, default: 14, description: '' },
  path: { type: 'text', format: 'PATH', description: '' },
  even: {
    type: 'text',
    format: 'EVEN',
    expects: 'an even number',
    default: '2',
    parse: (text: string) => (Number(text) % 2 === 0 ? Number(text) : undefined),
    description: '',
  },
  names: { type: 'list', format: 'NAME', default: '', description: '' },
} as const satisfies SettingDeclarations

test('what is not given has its default, or is undefined without one', (t) => {
  t.deepEqual(parseSettings(declared, {}), {
    transport: 'netlink',
    variant: undefined,
    comments: true,
    bit: 14,
    path: undefined,
    even: 2,
    names: [],
  })
})

test('values have the types that are declared', (t) => {
  const given = { comments: 'no', bit: '0', path: '/a', even: '4', names: 'a, b,,c', variant: 'nft' }
  const { comments, bit, path, even, names, variant } = parseSettings(declared, given)
  t.deepEqual([comments, bit, path, even, names, variant], [false, 0, '/a', 4, ['a', 'b', 'c'], 'nft'])
})

const refused: readonly (readonly [Record<string, string>, string])[] = [
  [
    { transprot: 'tool' },
    'unknown option transprot; known: transport, variant, comments, bit, path, even, names',
  ],
  [
    { constructor: 'x' },
    'unknown option constructor; known: transport, variant, comments, bit, path, even, names',
  ],
  [{ transport: 'pigeon' }, 'option transport: "pigeon" is not one of netlink, tool'],
  [{ comments: 'true' }, 'option comments: "true" is not yes or no'],
  [{ bit: '32' }, 'option bit: "32" is not a whole number from 0 to 31'],
  [{ bit: '-1' }, 'option bit: "-1" is not a whole number from 0 to 31'],
  [{ bit: '' }, 'option bit: "" is not a whole number from 0 to 31'],
  [{ even: '3' }, 'option even: "3" is not an even number'],
]

for (const [given, message] of refused) {
  test(`${JSON.stringify(given)} is refused, with what is allowed`, (t) => {
    t.throws(() => parseSettings(declared, given), { code: 'DATAPLANE_OPTION_INVALID', message })
  })
}

test('a whole number may be negative where its bounds are', (t) => {
  const declared = { offset: { type: 'integer', min: -5, max: 5, default: -1, description: '' } } as const
  t.is(parseSettings(declared, {}).offset, -1)
  t.is(parseSettings(declared, { offset: '-5' }).offset, -5)
  t.throws(() => parseSettings(declared, { offset: '-6' }), { message: /from -5 to 5/ })
})

test('a dataplane without options says that it has none', (t) => {
  t.throws(() => parseSettings({}, { speed: '9' }), { message: 'unknown option speed; it has none' })
})
