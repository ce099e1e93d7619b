//! What a first try needs: a throw-away broker and realistic conversations.
