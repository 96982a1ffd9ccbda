#pragma once

#include <sys/types.h>

#include <string>

#include "common/files/descriptor.hpp"

namespace policyd::files {

/// To be called with a file that was just made at `path`, and that programs of several users work
/// with: it is for those for whom its directory is. Where the directory's group may make files
/// there, it may write this one, whatever the umask; and what root makes, who runs a program by
/// hand, belongs to the owner and group of the directory. A file that is not in that directory, or
/// has other names as well, stays as it is. Throws std::system_error.
void ShareAsItsDirectory(int made, const std::string& path);

struct SharedFile {
    Descriptor file;
    bool is_made = false;  ///< there was none
};

/// Opens a file that programs of several users work with, or makes it, as ShareAsItsDirectory()
/// has it. Root uses no symbolic link, and no file with several names, in a directory where
/// somebody else may write, who could have made it of any file. Throws std::system_error.
SharedFile OpenShared(std::string path, int flags, mode_t mode);

/// For root, who is to have such a file opened by others, the path that it really has: with all
/// links followed that OpenShared() follows, and an exception as there for the others. Who opens it
/// may have been led elsewhere since, and is to compare. For others as it is.
std::string SharedPath(std::string path);

}  // namespace policyd::files
