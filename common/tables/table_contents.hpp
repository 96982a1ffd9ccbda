#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/tables/file_stamp.hpp"

namespace policyd::tables {

/// What is in the files that tables and lists are made of, read once for all threads that open
/// them. Any thread.
class TableContents {
public:
    /// What `read` returned for `name`, which is called the first time, must not use this object,
    /// and whose exceptions are passed on. A name always goes with the same type.
    template <typename Content>
    std::shared_ptr<const Content> Get(const std::string& name,
                                       const std::function<Content()>& read) {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<const void>& content = contents_[name];
        if (!content) content = std::make_shared<const Content>(read());
        return std::static_pointer_cast<const Content>(content);
    }

    /// What Get() returned for this name; null where it was not called yet.
    template <typename Content>
    std::shared_ptr<const Content> Find(const std::string& name) {
        const std::lock_guard lock(mutex_);
        const auto known = contents_.find(name);
        if (known == contents_.end()) return nullptr;
        return std::static_pointer_cast<const Content>(known->second);
    }

    /// Takes the file's stamp, the first time: before it is read. Whether it exists.
    bool Note(const std::string& path, FileStamp::Of what = FileStamp::Of::kContent) {
        const std::lock_guard lock(mutex_);
        return stamps_.try_emplace(path, path, what).first->second.Exists();
    }

    /// Notes a file that somebody makes anew once what is read here is to be read again, as postmap
    /// does.
    void Follow(const std::string& path) {
        Note(path);
        const std::lock_guard lock(mutex_);
        followed_.try_emplace(path, path);
    }

    /// Whether any of those has been made anew since this was last asked, or since it was noted.
    bool HasFollowedChanged() {
        std::map<std::string, FileStamp> followed;
        {
            const std::lock_guard lock(mutex_);
            followed = followed_;
        }
        bool has_changed = false;
        for (auto& [path, stamp] : followed) {
            if (stamp.IsStillThatOf(path)) continue;
            stamp = FileStamp(path);
            has_changed |= stamp.Exists();
        }
        const std::lock_guard lock(mutex_);
        followed_ = std::move(followed);
        return has_changed;
    }
    bool FollowsAny() {
        const std::lock_guard lock(mutex_);
        return !followed_.empty();
    }

    /// Why no look-up in one of the files can be answered; the first is kept.
    void NoteMistake(const std::string& mistake) {
        const std::lock_guard lock(mutex_);
        if (mistake_.empty()) mistake_ = mistake;
    }
    std::string Mistake() {
        const std::lock_guard lock(mutex_);
        return mistake_;
    }

    /// Whether reading all of it again would give the same.
    bool IsUpToDate() {
        std::map<std::string, FileStamp> stamps;
        {
            const std::lock_guard lock(mutex_);
            stamps = stamps_;
        }
        for (const auto& [path, stamp] : stamps)
            if (!stamp.IsStillThatOf(path)) return false;
        return true;
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const void>> contents_;  // guarded by mutex_
    std::map<std::string, FileStamp> stamps_;                      // guarded by mutex_
    std::map<std::string, FileStamp> followed_;                    // guarded by mutex_
    std::string mistake_;                                          // guarded by mutex_
};

}  // namespace policyd::tables
