// Package expr evaluates expressions of the Common Expression Language (https://cel.dev) over decoded JSON. It does not
// parse: the hub, which links cel-go, parses and checks what people write, and sends the tree. So an agent stays light.
//
// # The tree
//
// A tree is JSON. A text, a truth value, null and a whole number stand for themselves. Everything else is a list that
// begins with what it is:
//
//	["id", name]                      a variable, or the name of a type
//	["u", "1"], ["d", "1.5"]          a uint, a double
//	["b", base64]                     bytes
//	[".", e, name]                    e.name; with ".?" e.?name
//	["has", e, name]                  has(e.name)
//	["list", e, …]                    a list
//	["map", key, value, …]            a map
//	["?", e]                          an element of a list or a value of a map that is left out if the optional e has no value
//	["all", x, e, p]                  e.all(x, p); likewise exists, exists_one, filter, map, optMap and optFlatMap;
//	                                  "each" is e.map(x, t), and ["eachif", x, e, p, t] is e.map(x, p, t)
//	[function, e, …]                  any other operator or function; what a method is called on is its first argument
//
// Operators are named as they are written, except "neg" (-e), "?:" (the choice), "[]" (an index) and "[?]" (an optional
// index).
//
// # What is bounded
//
// Trees come from the network. Decode bounds their size, their depth and their regular expressions; evaluation bounds
// what it does and what it builds. Errors never quote values, which may be secrets, but only what the expression says.
package expr
