/** What people write by hand: a timeout for each attempt, and three more attempts at once. */
export async function bareFetch(url: string): Promise<Response> {
  for (let retriesLeft = 3; ; retriesLeft--) {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), 750)
    try {
      const response = await fetch(url, { signal: controller.signal })
      if (response.status < 500 || retriesLeft === 0) return response
      await response.body?.cancel()
    } catch (error) {
      if (retriesLeft === 0) throw error
    } finally {
      clearTimeout(timer)
    }
  }
}
