package server

import "syscall"

// diskSize is how many bytes the file system has that a folder is on; 0 if that is not known.
func diskSize(dir string) int64 {
	var stat syscall.Statfs_t
	if syscall.Statfs(dir, &stat) != nil {
		return 0
	}
	return int64(stat.Blocks) * int64(stat.Bsize)
}
