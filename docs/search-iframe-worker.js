// A page opened from a disk may start no worker: there, the search runs in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(address) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.inner = frame.contentWindow
      this.inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
      this.inner.importScripts = async (...addresses) => {
        for (const one of addresses) await this.load(one)
      }
      this.ready = this.load(address)
    }

    load(address) {
      const script = this.inner.document.createElement("script")
      script.src = new URL(address, location.href)
      return new Promise((done) => {
        script.onload = done
        this.inner.document.body.append(script)
      })
    }

    async postMessage(data) {
      await this.ready
      this.inner.dispatchEvent(new MessageEvent("message", { data }))
    }
  }
}
