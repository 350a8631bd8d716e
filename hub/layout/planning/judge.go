package planning

// Ask is a field that is set to something, with what becomes of it.
type Ask struct {
	Field
	At string // with indexes, as helm.valuesFrom[0].configMapKeyRef
}

// Judge gives every field of a value that is not simply Done or Needless, as Plan.Weigh does for the spec of an object.
// at is the path of the value in its file, which is that of the rows of the table as well.
func Judge(table Table, kind, at string, v any) []Ask {
	var found []asked
	table.kinds[kind].judgeAt(v, at, at, table.exact, &found)
	out := make([]Ask, len(found))
	for i, a := range found {
		out[i] = Ask{a.Field, a.path}
	}
	return out
}
