#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace policyd::tables {

/// What is in the files of texthash: and cidr: tables, read once for all threads that open them.
/// Any thread.
class TableContents {
public:
    /// The content of the file that `name` stands for: what `read` returned, which is called the
    /// first time, and whose exceptions are passed on. A name always goes with the same type.
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

private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const void>> contents_;  // guarded by mutex_
};

}  // namespace policyd::tables
