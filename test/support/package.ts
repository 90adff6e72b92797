import { resolve } from 'node:path'
import pkg from '../../package.json' with { type: 'json' }

/** The top folder of the package. */
export const root: string = resolve(import.meta.dirname, '../..')

/** What a user imports, and the file it is built from: `spillway/fetch` → `src/fetch/index.ts`. The list is `tsup.entry` in package.json. */
export const entries: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(pkg.tsup.entry).map(([name, file]) => [name === 'index' ? pkg.name : `${pkg.name}/${name}`, file]),
)

/** package.json with the fields that tell resolvers where the entries are, as they follow from the list. */
export function withExports(): object {
  const names = Object.keys(pkg.tsup.entry)
  const subPaths = names.filter((name) => name !== 'index')
  return {
    ...pkg,
    exports: {
      ...Object.fromEntries(names.map((name) => [name === 'index' ? '.' : `./${name}`, conditions(name)])),
      './package.json': './package.json',
    },
    main: './dist/index.cjs',
    types: './dist/index.d.cts',
    typesVersions: { '*': Object.fromEntries(subPaths.map((name) => [name, [`./dist/${name}.d.cts`]])) },
  }
}

/** `module-sync` comes first: `require()` and `import()` then load the same file, and a class is one class. */
function conditions(name: string): object {
  const esm = { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }
  const cjs = { types: `./dist/${name}.d.cts`, default: `./dist/${name}.cjs` }
  return { 'module-sync': esm, import: esm, require: cjs }
}
