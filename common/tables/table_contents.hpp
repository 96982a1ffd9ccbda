#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/tables/compiled_table.hpp"
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

    /// The text of a table that is compiled, which refreshes itself and is kept by a reload.
    std::shared_ptr<CompiledText> Compiled(
        const std::string& name, const std::function<std::shared_ptr<CompiledText>()>& make) {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<CompiledText>& text = compiled_[name];
        if (const auto known = inherited_.find(name); !text && known != inherited_.end())
            text = known->second.lock();
        if (!text) text = make();
        return text;
    }
    std::map<std::string, std::shared_ptr<CompiledText>> AllCompiled() {
        const std::lock_guard lock(mutex_);
        return compiled_;
    }
    /// Compiled() takes over those of the contents before, for as long as these live.
    void Inherit(const std::map<std::string, std::shared_ptr<CompiledText>>& compiled) {
        const std::lock_guard lock(mutex_);
        inherited_.insert(compiled.begin(), compiled.end());
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
    // All guarded by mutex_.
    std::map<std::string, std::shared_ptr<const void>> contents_;
    std::map<std::string, FileStamp> stamps_;
    std::map<std::string, std::shared_ptr<CompiledText>> compiled_;
    std::map<std::string, std::weak_ptr<CompiledText>> inherited_;
    std::string mistake_;
};

}  // namespace policyd::tables
