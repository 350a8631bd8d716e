package fleet

// LabelApp is put on every object that Drover applies; its value is the app's name. Watches select by it, so an
// agent is never told of objects that are not its own.
const LabelApp = "drover.dev/app"
