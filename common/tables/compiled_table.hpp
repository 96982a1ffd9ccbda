#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/tables/lookup_table.hpp"
#include "common/tables/texthash_table.hpp"
#include "common/tables/warning_sink.hpp"

namespace policyd::tables {

/// The text of a table that postmap(1) compiles (hash:, btree:, lmdb:, cdb: and others), as it was
/// when that was done last. Postfix uses what was compiled without being told, and knows nothing of
/// what was written since: nor does this. Any thread.
class CompiledText {
public:
    /// Reads the text, also where it was not compiled since it was written, which is warned of:
    /// there is nothing older. `name` is as in main.cf. Throws config::ConfigError.
    CompiledText(std::string name, std::string path, std::string compiled_path,
                 const WarningSink& warn);

    const std::string& Name() const noexcept { return name_; }

    std::shared_ptr<const TexthashRows> Rows() const;

    struct Refreshed {
        bool is_new = false;  ///< there are other rows now
        std::string problem;  ///< why they are not what they should be; empty if they are
    };
    /// Reads the text again if something else was compiled of it, and keeps what there is until
    /// that can be done. May take as long as the file system does.
    Refreshed Refresh(const WarningSink& warn);

private:
    /// What a file looks like from outside.
    struct Look {
        explicit Look(const std::string& path);
        bool operator==(const Look&) const = default;
        /// Of files that are there.
        bool IsOfTheSameWriting(const Look& other) const {
            return device == other.device && inode == other.inode && modified == other.modified;
        }
        int error = 0;  ///< of stat(2); the rest is of a file that is there
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = 0;
        std::int64_t modified = 0;  ///< in nanoseconds since 1970, as the next one
        std::int64_t changed = 0;
    };

    std::shared_ptr<const TexthashRows> Read(const WarningSink& warn) const;
    std::string WhyItMayNotBeRead(const Look& text, const Look& compiled) const;

    const std::string name_;
    const std::string path_;
    const std::string compiled_path_;

    std::mutex refreshing_;
    // As they were before the text was read; guarded by refreshing_.
    Look text_;
    Look compiled_;
    mutable std::mutex mutex_;
    std::shared_ptr<const TexthashRows> rows_;  // guarded by mutex_
};

/// Such a table, as it is at each look-up.
class CompiledTable final : public MemoryTable {
public:
    explicit CompiledTable(std::shared_ptr<const CompiledText> text) : text_(std::move(text)) {}

    const std::string& Name() const override { return text_->Name(); }
    std::optional<std::string> FindNow(std::string_view key) const override;
    void ForEachValue(const Visit& visit) const override;
    void ForEachKey(const Visit& visit) const override;

private:
    const std::shared_ptr<const CompiledText> text_;
};

}  // namespace policyd::tables
