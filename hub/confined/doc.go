// Package confined shows of the repository that the hub follows what a project permits its apps to read. It may import
// hub/model and hub/project.
package confined
