import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { build } from 'esbuild'
import { root } from './package.ts'

const folder = resolve(root, 'src/dashboard/page')

/** The dashboard's page as a module: its script and style minified, and the part of its content policy that knows them by their hashes. */
export async function generatedPage(): Promise<string> {
  const script = await bundle('main.ts')
  const style = await bundle('page.css')

  const policy = `script-src '${hash(script)}'; style-src '${hash(style)}'`
  const line = (name: string, text: string): string => `export const ${name}: string = ${JSON.stringify(text)}`
  return ['// Made from page/ by `npm run page:write`: edit that.', line('style', style), line('script', script), line('policy', policy), ''].join('\n')
}

async function bundle(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [resolve(folder, file)], bundle: true, minify: true, write: false, format: 'iife', target: 'esnext', charset: 'utf8', absWorkingDir: root, logLevel: 'silent', legalComments: 'none',
  })
  return outputFiles[0]!.text.trim()
}

const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`
