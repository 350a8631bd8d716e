// Package document reads YAML documents whose nodes know their lines, field by field, with messages that name the place
// and what was probably meant; and what every rendered object says of itself.
//
// It may import hub/model, fleet and a YAML parser that knows line numbers.
package document
