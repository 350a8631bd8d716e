// Package hookrun takes an app through its hooks and waves: package hook decides what is due, and a Runner executes
// it, asks the API server and stores. What is about to be done is stored before it is done, and a hook's object is
// named and marked after its run and held by a finalizer until it is stored how it ended, so an agent that ends at
// any moment leaves nothing that is done twice.
//
// A Runner belongs to the goroutine of its app. It may import agent, the packages access, actor, guard, hook,
// inventory, orders, owned, plan and watch in agent/, fleet and protocol.
package hookrun
