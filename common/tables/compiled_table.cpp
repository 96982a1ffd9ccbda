#include "common/tables/compiled_table.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "common/config/config_error.hpp"
#include "common/files/read_file.hpp"
#include "common/text/clock.hpp"

namespace policyd::tables {

namespace {

/// Who edits a text compiles it soon afterwards.
constexpr std::chrono::seconds kTimeToCompile{10};

/// While a file is being made empty, it is shorter and has its old times (seen for milliseconds, on
/// ext4): nothing tells but that this passes.
constexpr std::chrono::milliseconds kLongestTruncation{200};

/// postalias(1) marks what it makes for NIS, whichever type it is of.
bool IsMadeByPostalias(const std::string& compiled_path) {
    constexpr std::string_view kMark = "YP_LAST_MODIFIED";
    bool is_marked = false;
    std::string seen;
    try {
        files::ReadFile(compiled_path, [&](std::string_view part) {
            seen += part;
            is_marked = seen.find(kMark) != seen.npos;
            // The mark may begin in this part and end in the next.
            seen.erase(0, seen.size() - std::min(seen.size(), kMark.size() - 1));
            return !is_marked;
        });
    } catch (const std::system_error& error) {
        // Who may read the text need not be one who may read this.
        const int reason = error.code().value();
        if (reason != EACCES && reason != ENOENT)
            std::throw_with_nested(
                config::ConfigError(compiled_path, 0, "cannot be read: " + error.code().message()));
    }
    return is_marked;
}

std::int64_t Nanoseconds(const timespec& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

CompiledText::Look::Look(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
        error = errno;
        return;
    }
    device = status.st_dev;
    inode = status.st_ino;
    size = status.st_size;
    modified = Nanoseconds(status.st_mtim);
    changed = Nanoseconds(status.st_ctim);
}

CompiledText::CompiledText(std::string name, std::string path, std::string compiled_path,
                           const WarningSink& warn)
    : name_(std::move(name)),
      path_(std::move(path)),
      compiled_path_(std::move(compiled_path)),
      text_(path_),
      compiled_(compiled_path_) {
    rows_ = Read(warn);
    if (compiled_.error != 0) {
        warn(compiled_path_ + ": " + std::strerror(compiled_.error) +
             ": Postfix uses that; changes of " + path_ + " are followed once it is there");
    } else if (text_.modified > compiled_.modified) {
        warn(compiled_path_ + " is older than " + path_ + ", which Postfix knows nothing of: run " +
             "postmap " + name_);
    }
}

std::shared_ptr<const TexthashRows> CompiledText::Read(const WarningSink& warn) const {
    const ReadAs reader = IsMadeByPostalias(compiled_path_) ? ReadAs::kAliases : ReadAs::kCompiled;
    return std::make_shared<const TexthashRows>(ReadTexthash(path_, warn, reader));
}

std::shared_ptr<const TexthashRows> CompiledText::Rows() const {
    const std::lock_guard lock(mutex_);
    return rows_;
}

/// Empty where it may, and also where it will be in a moment, perhaps.
std::string CompiledText::WhyItMayNotBeRead(const Look& text, const Look& compiled) const {
    if (text.error != 0) return path_ + ": " + std::strerror(text.error);
    if (access(path_.c_str(), R_OK) != 0) return path_ + ": " + std::strerror(errno);
    if (compiled.error != 0) return compiled_path_ + ": " + std::strerror(compiled.error);
    const std::chrono::nanoseconds now = text::SystemWallTime().time_since_epoch();
    const std::chrono::nanoseconds written(text.modified);
    if (text.modified > compiled.modified && now - written > kTimeToCompile)
        return compiled_path_ + " is older than " + path_ + ": what was compiled before stays";
    return {};
}

CompiledText::Refreshed CompiledText::Refresh(const WarningSink& warn) {
    const std::lock_guard refreshing(refreshing_);
    const Look text(path_);
    const Look compiled(compiled_path_);
    Refreshed refreshed;
    refreshed.problem = WhyItMayNotBeRead(text, compiled);
    // What is being written may be half of it.
    if (text.error != 0 || compiled.error != 0 || text.modified > compiled.modified)
        return refreshed;
    if (text.IsOfTheSameWriting(text_) && compiled == compiled_) return refreshed;
    if (compiled == compiled_ && text.modified < text_.modified) {
        refreshed.problem = path_ + " is older than the text that " + compiled_path_ +
                            " was compiled of: what was compiled stays, run postmap " + name_;
        return refreshed;
    }
    try {
        auto rows = Read(warn);
        std::this_thread::sleep_for(kLongestTruncation);
        if (!(Look(path_) == text) || !(Look(compiled_path_) == compiled)) return refreshed;
        text_ = text;
        compiled_ = compiled;
        const std::lock_guard lock(mutex_);
        rows_ = std::move(rows);
        refreshed.is_new = true;
    } catch (const config::ConfigError& error) {
        refreshed.problem = error.what();
    }
    return refreshed;
}

std::optional<std::string> CompiledTable::FindNow(std::string_view key) const {
    return FindInTexthash(*text_->Rows(), Name(), key);
}

void CompiledTable::ForEachValue(const Visit& visit) const {
    text_->Rows()->values.ForEachValue(visit);
}

void CompiledTable::ForEachKey(const Visit& visit) const {
    text_->Rows()->values.ForEachKey(visit);
}

}  // namespace policyd::tables
