import { render } from './dom.ts'
import { listen } from './keys.ts'
import { Page } from './page.ts'
import { follow } from './pointer.ts'
import { recall } from './theme.ts'
import { view } from './view.ts'

recall()
const app = document.getElementById('app')!

/** Until the first frame the server's own table stays. */
function draw(): void {
  const { frame } = page
  if (frame === undefined) return
  render(app, view(page, frame))
  document.title = frame.sum.attention > 0 ? `(${frame.sum.attention}) ${frame.title}` : frame.title
  const help = document.getElementById('help') as HTMLDialogElement
  if (page.helping && !help.open) help.showModal()
}

const page = new Page(draw)
listen(page)
follow(app, page)
page.begin()
