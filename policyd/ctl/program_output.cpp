#include "policyd/ctl/program_output.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include "common/files/descriptor.hpp"
#include "common/text/ascii.hpp"

extern char** environ;

namespace policyd::ctl {
namespace {

std::string ReadToEnd(int descriptor) {
    std::string text;
    char buffer[65536];
    for (;;) {
        const ssize_t size = read(descriptor, buffer, sizeof buffer);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return text;
        text.append(buffer, static_cast<std::size_t>(size));
    }
}

/// Without the name of the program, which stands in front already.
std::string LastLineOf(std::string_view errors, const std::string& program) {
    errors = text::Trim(errors);
    errors.remove_prefix(errors.rfind('\n') + 1);
    const std::string name = program + ": ";
    if (errors.starts_with(name)) errors.remove_prefix(name.size());
    return std::string(errors);
}

}  // namespace

ProgramOutput OutputOf(std::vector<std::string> arguments) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(std::strerror(errno));
    const files::Descriptor output(ends[0]);
    files::Descriptor input(ends[1]);
    // A file, so that reading the one to its end does not keep the program from writing the other.
    const files::Descriptor errors(memfd_create("errors", MFD_CLOEXEC));
    if (!errors) throw std::runtime_error(std::strerror(errno));
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input.Get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, errors.Get(), STDERR_FILENO);
    pid_t child = 0;
    const int failure =
        posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failure != 0) throw std::runtime_error(arguments[0] + ": " + std::strerror(failure));
    input = files::Descriptor();
    ProgramOutput printed;
    printed.output = ReadToEnd(output.Get());

    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    lseek(errors.Get(), 0, SEEK_SET);
    printed.errors = ReadToEnd(errors.Get());
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw std::runtime_error(arguments[0] +
                                 " failed: " + LastLineOf(printed.errors, arguments[0]));
    return printed;
}

}  // namespace policyd::ctl
